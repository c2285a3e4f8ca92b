-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local compiled = "\27Lua\x54\0\x19\x93\r\n\x1a\n"
    for _, mode in ipairs { "b", "bt", "t" } do
      local chunk, message = load(compiled, "x", mode)
      assert(chunk == nil and message:find("binary"), message)
    end
    local pieces = { compiled }
    assert(not load(function() return table.remove(pieces) end, "x", "b"))
    assert(load("return 1")() == 1)
    assert(load("return a", "x", "t", { a = 2 })() == 2)
    assert(load("return a", "x", nil, { a = 3 })() == 3)
    return true
  end,
}
