-- Accept jobs while the lanes have space. A key that was used before gives the job it was used for.
-- ARGV: how many may wait, seconds to keep a key, then for each job: id, verb, model, version ('' for none), work,
--   reference to work kept elsewhere, timeout in seconds, webhook, digest of its key ('' for none), digest of its request,
--   1 if it is unbatched, id of its request, its trace ('' for none), name of the API key ('' for none)
-- Returns {now, for each job: its position (0 when it waits no more) | {'same', id} | {'conflict'} | {'full', seconds until
-- the lane is likely to be empty}}.
local most, key_ttl_s = tonumber(ARGV[1]), ARGV[2]
local lengths, waiting = {}, 0
for _, verb in ipairs(VERBS) do
  lengths[verb] = redis.call('ZCARD', lane_key(verb))
  waiting = waiting + lengths[verb]
end
local keys = {}
for at = 3, #ARGV, 14 do keys[#keys + 1] = job_key(ARGV[at]) end
local any_known = redis.call('EXISTS', unpack(keys)) > 0
local answers = {now_text}

-- How long the present processes need for the jobs of a lane, given the time that the last ones took.
local function empty_in(verb)
  local processes = 0
  local nodes = redis.call('HVALS', NODES)
  for _, seen in ipairs(nodes) do
    local at, children = string.match(seen, '^(%S+) (%d+)$')
    if tonumber(at) > now - 60 then processes = processes + tonumber(children) end
  end
  local service_s = tonumber(redis.call('HGET', pace_key(verb), 'service_s') or 0)
  return math.ceil(lengths[verb] * service_s / math.max(1, processes))
end

for at = 3, #ARGV, 14 do
  local id, verb, idem, digest = ARGV[at], ARGV[at + 1], ARGV[at + 8], ARGV[at + 9]
  local known = idem ~= '' and redis.call('HMGET', 'trinity:idem:' .. idem, 'id', 'digest') or {false, false}
  if known[1] and known[1] ~= id and known[2] == digest then
    answers[#answers + 1] = {'same', known[1]}
  elseif known[1] and known[1] ~= id then
    answers[#answers + 1] = {'conflict'}
  elseif any_known and redis.call('EXISTS', job_key(id)) == 1 then  -- the answer to a first call was lost
    answers[#answers + 1] = (redis.call('ZRANK', lane_key(verb), id) or -1) + 1
  elseif waiting >= most then
    answers[#answers + 1] = {'full', empty_in(verb)}
  else
    local key = job_key(id)
    local seq, log = append_event(id, 'PENDING')
    redis.call('HSET', key, 'status', 'PENDING', 'verb', verb, 'model', ARGV[at + 2], 'version', ARGV[at + 3],
      'work', ARGV[at + 4], 'created', now_text, 'fence', 0, 'attempts', 0, 'timeout', ARGV[at + 6],
      'request_id', ARGV[at + 11], 'seq', seq, 'log', log)
    if ARGV[at + 5] ~= '' then redis.call('HSET', key, 'work_ref', ARGV[at + 5]) end
    if ARGV[at + 10] == '1' then redis.call('HSET', key, UNBATCHED, 1) end
    if ARGV[at + 13] ~= '' then redis.call('HSET', key, 'key_name', ARGV[at + 13]) end
    if ARGV[at + 12] ~= '' then redis.call('HSET', key, 'trace', ARGV[at + 12]) end
    if ARGV[at + 7] ~= '' then redis.call('HSET', key, 'webhook', ARGV[at + 7]) end
    if idem ~= '' then
      redis.call('HSET', 'trinity:idem:' .. idem, 'id', id, 'digest', digest)
      redis.call('EXPIRE', 'trinity:idem:' .. idem, key_ttl_s)
    end
    local order = now + (at - 3) / 1e7  -- jobs of one call keep their order
    queue(id, verb, order, now)
    collect('ZADD', JOBS, order, id)
    waiting, lengths[verb] = waiting + 1, lengths[verb] + 1
    answers[#answers + 1] = lengths[verb]
  end
end
flush()
return answers
