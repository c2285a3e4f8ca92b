-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local time = require "certauto.time"
    while true do time.sleep(0.01) end
  end,
}
