-- expect: is not the name of a library
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = require "lib.../../etc/passwd" }
  end,
}
