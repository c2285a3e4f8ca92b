-- expect: requires itself
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = require "lib.circle" }
  end,
}
