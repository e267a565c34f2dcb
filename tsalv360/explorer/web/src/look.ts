// Looking around: drag, touch, two fingers, wheel. What is under the pointer goes with it.

import { Projection, wrapped, type View } from "./sphere";

const [NARROWEST, WIDEST] = [20, 130]; // degrees, horizontal field of view

export function limited(view: View): View {
  return {
    yaw: wrapped(view.yaw),
    pitch: Math.min(Math.max(view.pitch, -90), 90),
    fov: Math.min(Math.max(view.fov, NARROWEST), WIDEST),
  };
}

/** Lets pointers on an element change the view. */
export function lookAround(element: HTMLElement, view: () => View, change: (view: View) => void): void {
  const pointers = new Map<number, [number, number]>();

  const distance = (): number => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };

  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  });
  element.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now: [number, number] = [event.offsetX, event.offsetY];
    const { yaw, pitch, fov } = view();
    if (pointers.size === 2) {
      const before = distance();
      pointers.set(event.pointerId, now);
      change({ yaw, pitch, fov: (fov * before) / Math.max(distance(), 1) });
      return;
    }
    pointers.set(event.pointerId, now);
    const projection = new Projection(view(), element.clientWidth, element.clientHeight);
    const [yawThen, pitchThen] = projection.direction(...last);
    const [yawNow, pitchNow] = projection.direction(...now);
    // near a pole a small step is a large yaw
    const turn = Math.min(Math.max(wrapped(yawThen - yawNow), -20), 20);
    change({ yaw: yaw + turn, pitch: pitch + pitchThen - pitchNow, fov });
  });
  for (const name of ["pointerup", "pointercancel"] as const)
    element.addEventListener(name, (event) => pointers.delete(event.pointerId));
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { yaw, pitch, fov } = view();
      change({ yaw, pitch, fov: fov * Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 600) });
    },
    { passive: false },
  );
}
