-- Reads of many records in turn: no two of the connections ask for the same one at the same time, so that nothing can be
-- shared, and every answer is work.
local record = 0

function request()
  record = record % 1024 + 1
  return wrk.format("GET", "/crm/v3/objects/contacts/" .. record)
end
