// Curves under the time line: what changes over time, of a few series.

import { make } from "./dom";
import { row } from "./timeline";

export interface Curve {
  name: string;
  colour: string;
  dashed?: boolean;
  dots?: boolean;
  points: [time: number, value: number][];
}

const HEIGHT = 56; // CSS pixels

/** A row with curves between two values. */
export class Curves {
  readonly element: HTMLElement;
  private readonly canvas = make("canvas", { class: "curves", role: "img" });
  private readonly legend = make("div", { class: "legend" });

  constructor(
    private readonly name: string,
    private readonly duration: number,
    private readonly low: number,
    private readonly high: number,
  ) {
    this.element = row(name, "chart", this.canvas, this.legend);
    this.element.hidden = true;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  private curves: Curve[] = [];

  show(curves: Curve[]): void {
    this.curves = curves.filter((one) => one.points.length);
    this.element.hidden = !this.curves.length;
    this.legend.replaceChildren(
      make("span", {}, String(this.high)),
      ...this.curves.map((one) => make("span", { style: `--colour:${one.colour}` }, one.name)),
      make("span", { class: "low" }, String(this.low)),
    );
    this.canvas.setAttribute("aria-label", `${this.name}: ${this.curves.map(inWords).join("; ")}`);
    this.draw();
  }

  private draw(): void {
    const { canvas, low, high } = this;
    const [width, pixel] = [canvas.clientWidth, devicePixelRatio];
    if (!width) return;
    [canvas.width, canvas.height] = [width * pixel, HEIGHT * pixel];
    const context = canvas.getContext("2d")!;
    context.scale(pixel, pixel);
    const x = (time: number): number => (time / this.duration) * width;
    const y = (value: number): number => 3 + (1 - (value - low) / (high - low)) * (HEIGHT - 6);
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.globalAlpha = 0.25;
    context.fillRect(0, y(Math.max(low, Math.min(0, high))), width, 1);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    for (const { colour, dashed, dots, points } of this.curves) {
      context.strokeStyle = context.fillStyle = colour;
      context.setLineDash(dashed ? [5, 4] : []);
      context.beginPath();
      points.forEach(([time, value], k) => {
        if (dots) context.fillRect(x(time) - 1.5, y(value) - 1.5, 3, 3);
        else if (k) context.lineTo(x(time), y(value));
        else context.moveTo(x(time), y(value));
      });
      context.stroke();
      if (!dots) for (const [time, value] of points) context.fillRect(x(time) - 1.5, y(value) - 1.5, 3, 3);
    }
  }
}

function inWords({ name, points }: Curve): string {
  const mean = points.reduce((sum, [, value]) => sum + value, 0) / points.length;
  return `${name}, mean ${mean.toFixed(2)} of ${points.length}`;
}
