-- Take entries as read; put one aside that is no event. Three arguments an entry: id, reason or '', its text.
for i = 2, #ARGV, 3 do
  local first = redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1
  if first and ARGV[i + 1] ~= '' then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'id', ARGV[i], 'reason', ARGV[i + 1],
               'event', ARGV[i + 2])
  end
end
