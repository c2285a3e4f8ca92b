-- expect: there is no lib/absent.lua
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = require "lib.absent" }
  end,
}
