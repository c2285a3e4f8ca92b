-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local log = require "certauto.log"
    while true do log.debug(("x"):rep(1000)) end
  end,
}
