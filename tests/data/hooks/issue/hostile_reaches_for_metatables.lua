-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local fs = require "certauto.fs"
    local key = assert(fs.stage("/tmp/certauto-hostile", "x"))
    assert(getmetatable(key) == false)
    assert(not pcall(setmetatable, key, {}))
    assert(not pcall(rawset, key, "a", 1))
    assert(not pcall(key.commit, "x") and not pcall(key.commit, {}) and not pcall(key.commit))
    assert(key:discard())
    assert(not pcall(key.commit, key))
    return true
  end,
}
