// The client of `ocpp-ts`, which checks requests and answers against its own copy of the schemas.
import { answer, load, password, plugIn, plugOut, report, station, url } from "./scenario.mjs";

const { OcppClient } = load("ocpp-ts");
const point = new OcppClient(station);
const call = (action, payload) =>
  point.callRequest(action, payload).catch((error) => {
    report({ invalid: action, error: String(error) });
    throw error;
  });
const actions = ["ChangeAvailability", "ChangeConfiguration", "GetCompositeSchedule", "GetConfiguration",
  "RemoteStopTransaction", "SetChargingProfile", "TriggerMessage"];
for (const action of actions) {
  point.on(action, (payload, done) => {
    if (action === "RemoteStopTransaction") setTimeout(() => plugOut(call, payload.transactionId), 50);
    done(answer(action, payload));
  });
}
point.on("error", (error) => report({ invalid: "message", error: String(error) }));
await new Promise((connected) => {
  point.on("connect", connected);
  const credentials = Buffer.from(`${station}:${password}`).toString("base64");
  point.connect(`${url}/`, { Authorization: `Basic ${credentials}` });
});
const running = await plugIn(call);
report({ running });
