-- Put off webhooks that are still due: whoever does so has them until then, and may deliver them.
-- ARGV: for each: id, seconds until it is due again
-- Returns the ids of those that were due.
local taken = {}
for at = 1, #ARGV, 2 do
  local due = redis.call('ZSCORE', OUTBOX, ARGV[at])
  if due and tonumber(due) <= now then
    redis.call('ZADD', OUTBOX, now + tonumber(ARGV[at + 1]), ARGV[at])
    taken[#taken + 1] = ARGV[at]
  end
end
return taken
