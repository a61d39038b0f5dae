// The charge point of `em-ocpp-chargepoint-simulator`: it knows no SetChargingProfile and leaves it without an answer.
import { answer, load, plugIn, report, station, url } from "./scenario.mjs";

const { chargepointFactory } = load("em-ocpp-chargepoint-simulator/build/src/chargepoint");
const point = await chargepointFactory(`${url}/${station}`, station);
for (const action of ["GetConfiguration", "ChangeConfiguration", "ChangeAvailability"]) {
  point[`answer${action}`](({ uniqueId, payload }) => point.sendResponse(uniqueId, answer(action, payload)));
}
const send = {
  BootNotification: "sendBootnotification",
  StatusNotification: "sendStatusNotification",
  Authorize: "sendAuthorize",
  StartTransaction: "startTransaction",
  MeterValues: "meterValues",
  Heartbeat: "sendHeartbeat",
};
const call = (action, payload) => point[send[action]](payload);
const running = await plugIn(call);
report({ running });
setInterval(async () => report({ heartbeat: await call("Heartbeat", {}) }), 500);
