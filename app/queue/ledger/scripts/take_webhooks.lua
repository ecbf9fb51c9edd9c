-- Postpone webhooks that are still due. The caller has taken them until then, and delivers them.
-- ARGV: for each webhook: id, seconds until it is due again
-- Returns the ids of the webhooks that were due.
local taken = {}
for at = 1, #ARGV, 2 do
  local due = redis.call('ZSCORE', OUTBOX, ARGV[at])
  if due and tonumber(due) <= now then
    redis.call('ZADD', OUTBOX, now + tonumber(ARGV[at + 1]), ARGV[at])
    taken[#taken + 1] = ARGV[at]
  end
end
return taken
