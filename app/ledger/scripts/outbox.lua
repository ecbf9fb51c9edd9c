-- Take the webhooks that are due; each is due again later, unless it is said to be done before.
-- ARGV: seconds until they are due again should nobody say how it went, how many at most
-- Returns ids.
local due = redis.call('ZRANGEBYSCORE', OUTBOX, '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do redis.call('ZADD', OUTBOX, now + tonumber(ARGV[1]), id) end
return due
