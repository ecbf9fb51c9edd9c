-- Note how far running jobs are.
-- ARGV: for each job: id, fence, fraction
for at = 1, #ARGV, 3 do
  local state = redis.call('HMGET', job_key(ARGV[at]), 'status', 'fence')
  if state[1] == 'STARTED' and state[2] == ARGV[at + 1] then
    redis.call('HSET', job_key(ARGV[at]), 'progress', ARGV[at + 2])
    note(ARGV[at], 'STARTED', ',"progress":' .. ARGV[at + 2])
  end
end
tell()
return 1
