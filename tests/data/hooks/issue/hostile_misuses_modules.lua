-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local exec, fs, json, store, time, log = require "certauto.exec", require "certauto.fs",
      require "certauto.json", require "certauto.store", require "certauto.time", require "certauto.log"
    local rubbish = { false, true, 0, -1, 1.5, math.huge, 0 / 0, math.mininteger, "", "a\0b", {}, { {} }, { "\0" },
      print, coroutine.create(print), json.null }
    for _, module in ipairs { exec, fs, json, store, time, log } do
      for name, call in pairs(module) do
        if type(call) == "function" and name ~= "sleep" and name ~= "lock" then
          pcall(call)
          for _, one in ipairs(rubbish) do
            pcall(call, one)
            pcall(call, "/nowhere/x", one)
            pcall(call, one, one, one)
          end
        end
      end
    end
    pcall(exec.run, "true", { environment = { [1] = "a" } })
    pcall(exec.run, "true", { environment = { ["a=b"] = "a" } })
    pcall(exec.run, "true", { environment = { a = {} } })
    pcall(exec.run, "true", { timeout = 0 / 0 })
    pcall(exec.run, setmetatable({}, { __len = function() return 1 << 40 end }))
    pcall(exec.run, setmetatable({}, { __len = function() return "x" end }))
    return true
  end,
}
