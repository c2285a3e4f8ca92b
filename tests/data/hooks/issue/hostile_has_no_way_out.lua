-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    for _, name in ipairs { "io", "debug", "package", "dofile", "loadfile", "loadstring", "warn", "module" } do
      assert(_G[name] == nil, name)
    end
    for name in pairs(os) do
      assert(name == "time" or name == "date" or name == "clock" or name == "getenv", name)
    end
    assert(string.dump == nil)
    assert(getmetatable("").__gc == nil)
    assert(not pcall(require, "io") and not pcall(require, "os.execute") and not pcall(require, "certauto.nothing"))
    return true
  end,
}
