-- Strike off consumers that have nothing pending: the one that is named, or those idle for so long.
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local one = {}
  for i = 1, #told, 2 do one[told[i]] = told[i + 1] end
  local meant = ARGV[3] == one.name or (ARGV[3] == '' and one.idle > tonumber(ARGV[2]))
  if meant and one.pending == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], one.name) end
end
