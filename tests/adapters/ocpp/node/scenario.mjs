// One charge, told through whichever client: `call(action, payload)` resolves with the answer.
// Arguments: the folder with node_modules, the URL of the central system, the station id, its password.
import { createRequire } from "node:module";

export const [clients, url, station, password] = process.argv.slice(2);
export const load = createRequire(`${clients}/package.json`);
export const report = (what) => console.log(JSON.stringify(what));

const told = [];
let limit = -1;

// What this station answers; each request is reported when it comes.
export function answer(action, payload) {
  told.push(action);
  report({ told: action, payload });
  switch (action) {
    case "GetConfiguration":
      return { configurationKey: [{ key: "NumberOfConnectors", readonly: true, value: "1" }], unknownKey: [] };
    case "SetChargingProfile":
      limit = payload.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit;
      return { status: "Accepted" };
    case "GetCompositeSchedule":
      return {
        status: "Accepted",
        connectorId: payload.connectorId,
        scheduleStart: new Date().toISOString(),
        chargingSchedule: { chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
      };
    default:
      return { status: "Accepted" };
  }
}

const now = () => new Date().toISOString();
const status = (text) => ({ connectorId: 1, errorCode: "NoError", status: text, timestamp: now() });

export async function plugIn(call) {
  report({ boot: await call("BootNotification", { chargePointVendor: "Stranger", chargePointModel: "Node" }) });
  await call("StatusNotification", status("Preparing"));
  report({ authorize: await call("Authorize", { idTag: "TAG" }) });
  const start = { connectorId: 1, idTag: "TAG", meterStart: 1000, timestamp: now() };
  const { transactionId } = await call("StartTransaction", start);
  await call("StatusNotification", status("Charging"));
  const sampledValue = [
    { value: "10.5", measurand: "Current.Import", phase: "L1", unit: "A", context: "Sample.Periodic" },
    { value: "1200", measurand: "Energy.Active.Import.Register", unit: "Wh", context: "Sample.Periodic" },
  ];
  await call("MeterValues", { connectorId: 1, transactionId, meterValue: [{ timestamp: now(), sampledValue }] });
  report({ heartbeat: await call("Heartbeat", {}) });
  return transactionId;
}

export async function plugOut(call, transactionId) {
  const stop = { transactionId, meterStop: 3000, timestamp: now(), reason: "Remote" };
  report({ stop: await call("StopTransaction", stop) });
  await call("StatusNotification", status("Available"));
}
