-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local exec = require "certauto.exec"
    while true do exec.run({ "sleep", "1000" }) end
  end,
}
