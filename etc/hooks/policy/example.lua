-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- An example of a policy hook, to copy: nothing changes between two dates, but what would expire meanwhile.
--
-- It works as it is. With this in certauto.ini
--
--   [policy freeze]
--   hook = example
--   from = 2026-12-20T00:00:00Z
--   to = 2027-01-04T00:00:00Z
--
--   [defaults]
--   policy = freeze
--
-- certificates are neither issued nor published in these weeks, unless the one in use would expire before their end.
-- certauto-hooks(7) describes everything that is used here.

local time = require "certauto.time"

-- Asked when a step is about to start. "status" is what "certauto status --json" shows of the certificate, "step" what
-- would start: its step ("issue" or "publish"), and options, those of the section.
local function decide(status, step)
  local options = step.options
  local from, bad_from = time.parse(options.from)
  local to, bad_to = time.parse(options.to)
  -- A failure holds the step, and the sentence is shown by "certauto status".
  if not from or not to then
    return nil, bad_from or bad_to
  end

  local now = time.now()
  if now < from or now >= to then
    -- The step itself lets it pass.
    return step
  end

  -- Never issued, it has no end.
  local ends = type(status.not_after) == "string" and time.parse(status.not_after)
  if ends and ends < to then
    return step
  end

  -- It is asked again then, or in a day if that comes first.
  return { step = "wait", ["until"] = to, reason = "nothing changes before " .. options.to }
end

return {
  api = 1,
  doc = "Lets nothing change between two dates (an example to copy).",
  options = {
    { name = "from", type = "string", required = true, doc = "Begin, as 2026-12-20T00:00:00Z." },
    { name = "to", type = "string", required = true, doc = "End, as 2027-01-04T00:00:00Z." },
  },
  decide = decide,
}
