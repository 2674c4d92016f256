"""The search for settings on validation: spaces, budgets, studies of Optuna, workers, and what came out.

Optuna samples, prunes and stores: it is maintained, needs no server, and goes on with a killed study.
"""
