-- expect: the deadline comes before the end of this wait
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return require 'certauto.time'.sleep(1000)
  end,
}
