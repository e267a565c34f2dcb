// The moment in the address: #t=3.2&event=001_2&yaw=-20&pitch=5&fov=90&layer=event&follow=1

/** What a link may hold; what is missing stays as it is. */
export interface Moment {
  t?: number;
  event?: string;
  yaw?: number;
  pitch?: number;
  fov?: number;
  layer?: string;
  follow?: boolean;
  prompt?: string;
}

const NUMBERS = ["t", "yaw", "pitch", "fov"] as const;

export function readMoment(hash = location.hash): Moment {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const moment: Moment = {};
  for (const name of NUMBERS) {
    const value = parseFloat(words.get(name) ?? "");
    if (Number.isFinite(value)) moment[name] = value;
  }
  for (const name of ["event", "layer", "prompt"] as const) {
    const value = words.get(name);
    if (value) moment[name] = value;
  }
  if (words.has("follow")) moment.follow = words.get("follow") === "1";
  return moment;
}

export function momentText(moment: Moment): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(moment)) {
    if (value === undefined || value === false) continue;
    words.set(name, value === true ? "1" : typeof value === "number" ? String(Number(value.toFixed(name === "t" ? 3 : 1))) : value);
  }
  return `#${words}`;
}

let waiting = 0;

/** Writes the moment into the address, at most twice a second: browsers refuse more. */
export function keepMoment(moment: () => Moment): void {
  if (waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    history.replaceState(null, "", momentText(moment()));
  }, 500);
}
