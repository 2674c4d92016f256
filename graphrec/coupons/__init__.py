"""Coupons of campaigns: who redeems which."""
