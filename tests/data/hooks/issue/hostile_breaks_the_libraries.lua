-- expect: "error":"still here"
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    for _, library in ipairs { string, table, math, coroutine, utf8, os } do
      for name in pairs(library) do library[name] = nil end
    end
    for name in pairs(_G) do
      if name ~= "_G" then _G[name] = nil end
    end
    _G._G = nil
    return nil, "still here"
  end,
}
