-- Health of a FaultModel (andon.dev) for Argo CD. It reads the conditions, which are for tools, and not the phase.

local health = {}

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is(kind, value)
  return conditions[kind] ~= nil and conditions[kind].status == value
end

local function say(state, kind)
  health.status = state
  health.message = conditions[kind] and conditions[kind].message or "The operator has not looked yet."
  return health
end

local observed = status.observedGeneration or -1
if observed < (obj.metadata.generation or 0) then
  health.status = "Progressing"
  health.message = "The operator has not looked at this generation of the spec yet."
  return health
end

-- Rolled back, failed to build, refused: nothing happens until a person changes something.
if is("Stalled", "True") then
  return say("Degraded", "Stalled")
end

-- What has served before does so no more.
if status.stable ~= nil and is("Available", "False") then
  return say("Degraded", "Available")
end

if is("Ready", "True") then
  return say("Healthy", "Ready")
end

-- Neither on its way nor stuck: held back on purpose, by the plant, by a step, or for want of evidence.
if is("Ready", "False") and not is("Reconciling", "True") then
  return say("Suspended", "Ready")
end

return say("Progressing", "Ready")
