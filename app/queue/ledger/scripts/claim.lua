-- Claim waiting jobs under a lease. A job that was lost before, or is unbatched, is only claimed by a message of its own.
-- ARGV: node, child, seconds of the lease, then ids
-- Returns {} or {a JSON list with [id, fence, reference to work, attempts, id of its request, its trace, name of its API
-- key] of each claimed job, then the work of each}: clients read few long strings much faster than many short ones.
local node, child, lease_s = ARGV[1], ARGV[2], tonumber(ARGV[3])
local single = #ARGV == 4
local claimed, taken, mine = {}, {}, {}  -- `taken`: the ids by verb; `mine`: the names of the claims

local works = {}

local function add(id, fence, attempts, state)
  claimed[#claimed + 1] = {id, fence, state[5] or '', attempts, state[8] or '', state[9] or '', state[12] or ''}
  works[#works + 1] = state[4] or ''
  mine[claim_name(id, fence)] = true
end

-- Remember the latest time at which a claimed job's message was sent: lanes are first in, first out.
local function note_newest(verb, ids)
  local newest = tonumber(redis.call('HGET', pace_key(verb), 'newest') or 0)
  local latest = 0
  for _, score in ipairs(redis.call('ZMSCORE', published_key(verb), unpack(ids))) do
    latest = math.max(latest, tonumber(score or 0))
  end
  if latest > math.min(newest, now) then redis.call('HSET', pace_key(verb), 'newest', latest) end
end

for at = 4, #ARGV do
  local id = ARGV[at]
  local key = job_key(id)
  local state = redis.call('HMGET', key, 'status', 'attempts', 'verb', 'work', 'work_ref', 'fence', UNBATCHED,
    'request_id', 'trace', 'seq', 'log', 'key_name')
  local status, verb = state[1], state[3]
  local waits = status == 'PENDING' or status == 'RETRY'
  if waits and (single or state[2] == '0' and not state[7]) then
    local fence, attempts = (tonumber(state[6]) or 0) + 1, (tonumber(state[2]) or 0) + 1
    local seq, log = append_event(id, 'STARTED', state[10], state[11], ',"attempts":' .. attempts)
    redis.call('HSET', key, 'status', 'STARTED', 'started', now_text, 'node', node, 'fence', fence,
      'attempts', attempts, 'seq', seq, 'log', log)
    leave_lane(id, verb)
    if status == 'RETRY' then collect('SREM', retry_key(verb), id) end
    collect('ZADD', LEASES, now + lease_s, id)
    count('attempts:' .. verb, 1)
    taken[verb] = taken[verb] or {}
    table.insert(taken[verb], id)
    add(id, fence, attempts, state)
  elseif status == 'STARTED' then
    local held = redis.call('HGET', node_key(node), claim_name(id, state[6]))
    if held and string.find(held, child .. ' ', 1, true) == 1 then  -- a first answer was lost
      add(id, tonumber(state[6]), tonumber(state[2]), state)
    end
  end
end
for verb, ids in pairs(taken) do note_newest(verb, ids) end
-- A process does one thing at a time. What else it holds was claimed by a call whose answer was lost, or was given up.
local held = redis.call('HGETALL', node_key(node))
for at = 1, #held, 2 do
  if not mine[held[at]] and string.find(held[at + 1], child .. ' ', 1, true) == 1 then
    local id, fence = string.match(held[at], '^(%S+) (%d+)$')
    leave_table(node, id, fence)
    local state = redis.call('HMGET', job_key(id), 'status', 'fence')
    if state[1] == 'STARTED' and state[2] == fence then collect('ZADD', LEASES, now, id) end
  end
end
for _, claim in ipairs(claimed) do
  collect('HSET', node_key(node), claim_name(claim[1], claim[2]), child .. ' ' .. #claimed)
end
flush()
if #claimed == 0 then return {} end
return {cjson.encode(claimed), unpack(works)}
