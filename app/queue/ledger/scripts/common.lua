-- What the scripts share. Keys are made from ids here, so the ledger is one Redis and not a cluster.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local now_text = time[1] .. '.' .. string.format('%06d', time[2])
local notices = {}
local counts = {}

local function job_key(id) return 'trinity:job:' .. id end
local function lane_key(verb) return 'trinity:lane:' .. verb end
local function rung_key(verb) return 'trinity:rung:' .. verb end
local function node_key(node) return 'trinity:node:' .. node end
local function again_key(verb) return 'trinity:again:' .. verb end
local LEASES, JOBS, NODES = 'trinity:leases', 'trinity:jobs', 'trinity:nodes'
local OUTBOX, CHANNEL, COUNTERS = 'trinity:outbox', 'trinity:events', 'trinity:counters'

-- Note what happened to a job: a line for those who watch it (`extra` is more JSON), and a notice for those who wait.
local function note(id, status, extra)
  local key = job_key(id)
  local seq = redis.call('HINCRBY', key, 'seq', 1)
  local log = redis.call('HGET', key, 'log') or ''
  if extra and string.find(extra, 'progress', 1, true) then  -- of several reports in a row the last one counts
    log = string.gsub(log, '[^\n]*"progress"[^\n]*\n$', '')
  end
  if #log > 16384 then log = string.match(log, '\n(.*)', 8192) end  -- of a job that is run again for ever
  redis.call('HSET', key, 'log', log .. seq .. ' {"status":"' .. status .. '","at":' .. now_text .. (extra or '') .. '}\n')
  notices[#notices + 1] = id .. ' ' .. seq .. ' ' .. status
end

-- Count what happened; what a job does it does once, so what is counted with its change of state is counted once.
local function count(what, by)
  counts[what] = (counts[what] or 0) + by
end

-- Publish the notices of a call as one message, and add up its counts; a script calls it once, at its end.
local function tell()
  for what, by in pairs(counts) do redis.call('HINCRBYFLOAT', COUNTERS, what, string.format('%.9f', by)) end
  if #notices > 0 then redis.call('PUBLISH', CHANNEL, table.concat(notices, '\n')) end
end

-- Put a job into its lane; `rung` is when its message is sent: now by whoever asked for it, 0 for as soon as possible.
local function queue(id, verb, created, rung)
  redis.call('ZADD', lane_key(verb), created, id)
  redis.call('ZADD', rung_key(verb), rung, id)
end

local function leave_lane(id, verb)
  redis.call('ZREM', lane_key(verb), id)
  redis.call('ZREM', rung_key(verb), id)
end

-- End the newest claim of a job: its fence counts no more, nobody renews it.
local function release(id, node)
  redis.call('ZREM', LEASES, id)
  if node and node ~= '' then redis.call('HDEL', node_key(node), id) end
end

-- Give a job its final state; `fields` is a flat list of names and values.
local function finish(id, status, ttl_s, tombstone_s, fields)
  local key = job_key(id)
  redis.call('HSET', key, 'status', status, 'finished', now_text, unpack(fields))
  redis.call('HDEL', key, 'progress')
  note(id, status)
  redis.call('EXPIRE', key, ttl_s)
  redis.call('SET', 'trinity:gone:' .. id, '', 'EX', tombstone_s)
  local more = redis.call('HMGET', key, 'verb', 'webhook')
  count('finished:' .. (more[1] or '') .. ':' .. status, 1)
  if more[2] then
    redis.call('PERSIST', key)  -- it is needed until it is delivered
    redis.call('ZADD', OUTBOX, now, id)
  end
end
