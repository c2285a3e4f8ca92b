-- expect: "ok":{"a":1}
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return setmetatable({ a = 1 }, {
      __index = function() error("asked") end, __pairs = function() error("walked") end, __len = function() error("counted") end,
    })
  end,
}
