-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- lib.sigv4: signatures of the test suite that AWS publishes (aws-sig-v4-test-suite), each under its name there.

local check = assert(load(assert(require "certauto.fs".read "tests/lua/check.lua"), "@check.lua"))()
local sigv4 = require "lib.sigv4"
local test, equal = check.test, check.equal

local KEYS <const> = { access_key = "AKIDEXAMPLE", secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function sign(request)
  request.method = request.method or "GET"
  request.url = request.url or "https://example.amazonaws.com/"
  request.service, request.region, request.now = "service", "us-east-1", 1440938160
  return sigv4.sign(request, KEYS)
end

local function says(signed, signature)
  return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" .. signed
    .. ", Signature=" .. signature
end

test("sigv4_get_vanilla", function()
  local request = sign {}
  equal(request.headers.authorization,
    says("host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"))
  equal(request.headers["x-amz-date"], "20150830T123600Z")
  equal(request.headers.host, nil)
  equal(request.url, "https://example.amazonaws.com/")
end)

test("sigv4_get_vanilla_query_order_key_case", function()
  local request = sign { query = { Param2 = "value2", Param1 = "value1" } }
  equal(request.headers.authorization,
    says("host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"))
  equal(request.url, "https://example.amazonaws.com/?Param1=value1&Param2=value2")
end)

test("sigv4_post_vanilla", function()
  equal(sign({ method = "POST" }).headers.authorization,
    says("host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"))
end)

test("sigv4_post_header_value_case", function()
  equal(sign({ method = "POST", headers = { ["my-header1"] = "VALUE1" } }).headers.authorization,
    says("host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"))
end)

test("sigv4_post_x_www_form_urlencoded", function()
  equal(sign({ method = "POST", headers = { ["content-type"] = "application/x-www-form-urlencoded" },
    body = "Param1=value1" }).headers.authorization,
    says("content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"))
end)

test("sigv4_get_unreserved", function()
  equal(sign({ url = "https://example.amazonaws.com/-._~0123456789"
    .. "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" })
    .headers.authorization,
    says("host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"))
end)

test("sigv4_encodes_the_query", function()
  equal(sign({ query = { name = "a b/ä&=" } }).url, "https://example.amazonaws.com/?name=a%20b%2F%C3%A4%26%3D")
end)

return check.status()
