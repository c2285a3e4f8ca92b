-- expect: its time was over
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local time = require "certauto.time"
    while true do time.sleep(0.01) end
  end,
}
