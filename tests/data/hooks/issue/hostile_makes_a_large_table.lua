-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = table.move({ 1 }, 1, 1, 1 << 27, {}) and string.rep("x", 1 << 28) }
  end,
}
