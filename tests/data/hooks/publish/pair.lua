-- Answers with both arguments of a rollback.
return {
  api = 1,
  doc = "Answers with both arguments of a rollback.",
  publish = function()
    return true
  end,
  rollback = function(previous, bundle)
    return { previous = previous == nil and "none" or previous, bundle = bundle }
  end,
}
