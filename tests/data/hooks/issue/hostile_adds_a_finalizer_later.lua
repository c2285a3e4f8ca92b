-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local meta = {}
    local t = setmetatable({}, meta)
    meta.__gc = function() while true do end end
    t = nil
    collectgarbage()
    return t == nil
  end,
}
