-- Shared by all scripts, which run as one text after it. Keys are made from ids here, so the ledger is one Redis and not
-- a cluster. Scripts that take many jobs are sparing with commands, because each costs about as much as all else together:
-- what goes to one key for all jobs is collected by `collect` and sent once by `flush`.
-- `VERBS` is the list of verbs, added before this text.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local now_text = time[1] .. '.' .. string.format('%06d', time[2])
local notices = {}
local counts = {}
local collected, in_order = {}, {}

local function job_key(id) return 'trinity:job:' .. id end
local function gone_key(id) return 'trinity:gone:' .. id end
local function lane_key(verb) return 'trinity:lane:' .. verb end
local function published_key(verb) return 'trinity:rung:' .. verb end  -- when the message of each waiting job was sent
local function pace_key(verb) return 'trinity:pace:' .. verb end
local function node_key(node) return 'trinity:node:' .. node end
local function retry_key(verb) return 'trinity:again:' .. verb end
local LEASES, JOBS, NODES = 'trinity:leases', 'trinity:jobs', 'trinity:nodes'
local OUTBOX, CHANNEL, COUNTERS = 'trinity:outbox', 'trinity:events', 'trinity:counters'
local UNBATCHED = 'alone'  -- the field of a job that must not share a message; named so in ledgers of earlier releases

-- Have a command sent at the end of the script, once for all jobs: `a` and `b` are added to its arguments.
local function collect(command, key, a, b)
  local name = command .. key
  local arguments = collected[name]
  if not arguments then
    arguments = {command, key}
    collected[name] = arguments
    in_order[#in_order + 1] = arguments
  end
  arguments[#arguments + 1] = a
  if b then arguments[#arguments + 1] = b end
end

-- Count what happened. A job changes its state once, so what is counted in the same script is counted once.
local function count(what, by)
  counts[what] = (counts[what] or 0) + by
end

-- Send what was collected, add up the counts, and publish the notices as one message. Scripts call it once, at their end.
local function flush()
  for _, arguments in ipairs(in_order) do redis.call(unpack(arguments)) end
  for what, by in pairs(counts) do redis.call('HINCRBYFLOAT', COUNTERS, what, string.format('%.9f', by)) end
  if #notices > 0 then redis.call('PUBLISH', CHANNEL, table.concat(notices, '\n')) end
end

-- Add an event to a job's log and a notice for clients that wait for the job; `extra` is more JSON of the event.
-- Takes the job's fields `seq` and `log`, and returns their new values, for the caller to store.
local function append_event(id, status, seq, log, extra)
  seq, log = (tonumber(seq) or 0) + 1, log or ''
  if extra and string.find(extra, 'progress', 1, true) then  -- of several reports in a row only the last is kept
    log = string.gsub(log, '[^\n]*"progress"[^\n]*\n$', '')
  end
  if #log > 16384 then log = string.match(log, '\n(.*)', 8192) end  -- a job that runs again and again
  notices[#notices + 1] = id .. ' ' .. seq .. ' ' .. status
  return seq, log .. seq .. ' {"status":"' .. status .. '","at":' .. now_text .. (extra or '') .. '}\n'
end

-- Put a job into its lane; `published_at` is when its message is sent: now by the caller, 0 for as soon as possible.
local function queue(id, verb, created, published_at)
  collect('ZADD', lane_key(verb), created, id)
  collect('ZADD', published_key(verb), published_at, id)
end

local function leave_lane(id, verb)
  collect('ZREM', lane_key(verb), id)
  collect('ZREM', published_key(verb), id)
end

-- A node has a table of its claims: `<id> <fence>` → `<child> <how many were claimed together>`. A job may be in it more
-- than once: it was cancelled and claimed again, and the first process still works on it. An entry leaves the table when
-- its process is known to be done with the claim, not when the claim is no longer valid: until then the process is watched.
local function claim_name(id, fence) return id .. ' ' .. fence end
local function leave_table(node, id, fence)
  if node and node ~= '' then collect('HDEL', node_key(node), claim_name(id, fence)) end
end

-- Give a job its final state. `job` has its fields `verb`, `webhook`, `seq` and `log`; `fields` is a flat list of names
-- and values to store with it.
local function finish(id, job, status, ttl_s, tombstone_s, fields)
  local key = job_key(id)
  local seq, log = append_event(id, status, job.seq, job.log)
  redis.call('HSET', key, 'status', status, 'finished', now_text, 'seq', seq, 'log', log, unpack(fields))
  if status == 'SUCCESS' then
    redis.call('HDEL', key, 'progress', 'step', 'work', 'work_ref')
  else  -- it may be retried
    redis.call('HDEL', key, 'progress', 'step')
  end
  redis.call('SET', gone_key(id), '', 'EX', tombstone_s)
  count('finished:' .. (job.verb or '') .. ':' .. status, 1)
  if job.webhook then
    redis.call('PERSIST', key)  -- it is needed until it is delivered
    collect('ZADD', OUTBOX, now, id)
  else
    redis.call('EXPIRE', key, ttl_s)
  end
end

-- Describe a job that a script ended in place of the process that ran it, for its log line; `ran` is false if it waited.
local function ended(id, ran)
  local state = redis.call('HMGET', job_key(id), 'verb', 'model', 'version', 'status', 'attempts', 'started', 'finished',
    'request_id', 'key_name')
  local ran_s = ran and state[6] and tonumber(state[7]) - tonumber(state[6]) or 0
  return cjson.encode({id, state[1] or '', state[2] or '', state[3] or '', state[4], tonumber(state[5] or 0), ran_s,
    state[8] or '', state[9] or ''})
end
