-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- lib.dns.ovh: the signatures that OVHcloud's own clients expect in their tests (ovh/go-ovh, ovh/python-ovh), whose
-- keys are revoked or made up.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local ovh = require "lib.dns.ovh"
local test, equal = check.test, check.equal

test("ovh_signature_of_go_ovh", function()
  local options = { application_secret = "9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk",
    consumer_key = "5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY" }
  local url, body, now = "https://api.eu.ovhcloud.com/1.0/auth", '{"a":"b","c":"d"}', 1457018875
  equal(ovh.signature(options, "GET", url, "", now), "$1$52992e595b398f6aba591ee5925b379081614ced")
  equal(ovh.signature(options, "POST", url, body, now), "$1$ea0e0d82447373a3ddf5947065f1d519ca0bcaf2")
  equal(ovh.signature(options, "PUT", url, body, now), "$1$0fdc3ed192ffbf3d1be414dbb733bbb7729500ee")
  equal(ovh.signature(options, "DELETE", url, "", now), "$1$f685c165fa9da88b294b5fd2504588588105f994")
end)

test("ovh_signature_of_python_ovh", function()
  local options = { application_secret = "fake application secret", consumer_key = "fake consumer key" }
  local url = "https://eu.api.ovh.com/1.0/unit/test"
  -- Their client makes the method an upper-case one before it signs.
  equal(ovh.signature(options, "METHOD", url, "", 1404395931), "$1$16ae5ba8c63841b1951575be905867991d5f49dc")
  equal(ovh.signature(options, "METHOD", url, '{"some": "random", "data": 42}', 1404395931),
    "$1$9acb1ac0120006d16261a635aed788e83ab172d2")
end)

return check.status()
