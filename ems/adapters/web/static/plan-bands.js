// Who stands in the chart by name and colour: the vehicles that are to get most; the others together, and those who are only expected.
const NAMED = 6;

export class PlanBands {
  // Bands from below; each with what it takes at every step, in watt.
  static of(plan) {
    const here = plan.charges.filter((charge) => !charge.expected);
    const most = [...here].sort((a, b) => b.planned_wh - a.planned_wh).slice(0, NAMED);
    const named = here.filter((charge) => most.includes(charge));
    const bands = named.map((charge, k) => ({ key: `v${k + 1}`, name: nameOf(charge), charges: [charge] }));
    const rest = here.filter((charge) => !most.includes(charge));
    const expected = plan.charges.filter((charge) => charge.expected);
    bands.push({ key: "rest", name: rest.length === 1 ? nameOf(rest[0]) : `${rest.length} other vehicles`, charges: rest });
    bands.push({ key: "expected", name: `${expected.length} vehicles expected`, charges: expected });
    for (const band of bands) {
      band.watts = plan.edges.slice(1).map((_, k) => band.charges.reduce((sum, charge) => sum + charge.amps[k] * charge.watts_per_a, 0));
    }
    return bands;
  }
}

export function nameOf(charge) {
  return charge.vehicle ?? charge.evse;
}
