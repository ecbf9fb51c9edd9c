-- Accept jobs while there is room in the lanes; a key that was used before names the job it was used for.
-- ARGV: how many may wait, seconds that a key is kept, then for each job: id, verb, model, version ('' for none), work,
--   reference to work kept elsewhere, timeout in seconds, webhook, digest of its key ('' for none), digest of its request,
--   1 when it runs alone, id of its request, its trace ('' for none)
-- Returns {now, for each job: {'accepted', place (0 when it waits no more)} | {'same', id} | {'conflict'} | {'full', seconds until
-- the lane is likely to be empty}}.
local waiting = 0
for _, verb in ipairs({'fit', 'predict', 'score'}) do waiting = waiting + redis.call('ZCARD', lane_key(verb)) end
local most, key_ttl_s = tonumber(ARGV[1]), ARGV[2]
local answers = {now_text}

-- How long the jobs of a lane will take the processes that are there, by the time that the last ones took.
local function drained_in(verb)
  local processes = 0
  local nodes = redis.call('HVALS', NODES)
  for _, seen in ipairs(nodes) do
    local at, children = string.match(seen, '^(%S+) (%d+)$')
    if tonumber(at) > now - 60 then processes = processes + tonumber(children) end
  end
  local service_s = tonumber(redis.call('HGET', 'trinity:pace:' .. verb, 'service_s') or 0)
  return math.ceil(redis.call('ZCARD', lane_key(verb)) * service_s / math.max(1, processes))
end

for at = 3, #ARGV, 13 do
  local id, verb, idem, digest = ARGV[at], ARGV[at + 1], ARGV[at + 8], ARGV[at + 9]
  local known = idem ~= '' and redis.call('HMGET', 'trinity:idem:' .. idem, 'id', 'digest') or {false, false}
  if known[1] and known[1] ~= id and known[2] == digest then
    answers[#answers + 1] = {'same', known[1]}
  elseif known[1] and known[1] ~= id then
    answers[#answers + 1] = {'conflict'}
  elseif redis.call('EXISTS', job_key(id)) == 1 then  -- the answer to a first call was lost
    answers[#answers + 1] = {'accepted', (redis.call('ZRANK', lane_key(verb), id) or -1) + 1}
  elseif waiting >= most then
    answers[#answers + 1] = {'full', drained_in(verb)}
  else
    redis.call('HSET', job_key(id), 'status', 'PENDING', 'verb', verb, 'model', ARGV[at + 2], 'version', ARGV[at + 3],
      'work', ARGV[at + 4], 'created', now_text, 'fence', 0, 'attempts', 0, 'timeout', ARGV[at + 6],
      'request_id', ARGV[at + 11])
    if ARGV[at + 5] ~= '' then redis.call('HSET', job_key(id), 'work_ref', ARGV[at + 5]) end
    if ARGV[at + 10] == '1' then redis.call('HSET', job_key(id), 'alone', 1) end
    if ARGV[at + 12] ~= '' then redis.call('HSET', job_key(id), 'trace', ARGV[at + 12]) end
    if ARGV[at + 7] ~= '' then redis.call('HSET', job_key(id), 'webhook', ARGV[at + 7]) end
    if idem ~= '' then
      redis.call('HSET', 'trinity:idem:' .. idem, 'id', id, 'digest', digest)
      redis.call('EXPIRE', 'trinity:idem:' .. idem, key_ttl_s)
    end
    local order = now + (at - 3) / 1e7  -- those of one call keep their order
    queue(id, verb, order, now)
    redis.call('ZADD', JOBS, order, id)
    note(id, 'PENDING')
    waiting = waiting + 1
    answers[#answers + 1] = {'accepted', redis.call('ZCARD', lane_key(verb))}
  end
end
tell()
return answers
