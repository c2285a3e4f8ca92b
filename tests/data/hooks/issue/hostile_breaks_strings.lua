-- expect: "raised":"no"
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local error = error
    getmetatable("").__index = function() error("index", 0) end
    getmetatable("").__tostring = function() error("text", 0) end
    getmetatable("").__name = {}
    error("no", 0)
  end,
}
