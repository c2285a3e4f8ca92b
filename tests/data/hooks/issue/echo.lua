-- Answers with what it was given, for tests of the way there and back.
local words = require "lib.words"
return {
  api = 1,
  doc = "Answers with what it was given.",
  options = {
    { name = "directory", type = "url", required = true, doc = "Where the CA is." },
    { name = "lifetime", type = "duration", default = "90d", doc = "How long." },
    { name = "count", type = "integer", default = 3, doc = "How many." },
    { name = "fast", type = "boolean", default = true, doc = "At once." },
    { name = "servers", type = "list", default = { "one", "two" }, doc = "Which." },
    { name = "way", type = "enum:http|dns", default = "dns", doc = "How." },
    { name = "token", type = "secret", doc = "A secret." },
  },
  issue = function(...)
    local request = ...
    words.join("a", "b")
    return { arguments = select("#", ...), request = request, count = words.count, same = require "lib.words" == words }
  end,
  revoke = function()
    return nil, "not today", { wait = 60, permanent = true }
  end,
}
