-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local text = ("x"):rep(1000)
    for _ = 1, 20 do text = text:gsub("x", text) end
    return { certificate = text }
  end,
}
