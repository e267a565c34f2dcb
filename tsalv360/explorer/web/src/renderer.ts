// Draws the panorama and the saliency that lies on it: for each pixel of the screen its direction, and there the colour of
// the picture and the value of the map. No mesh: exact at the seam and at the poles.

import { saliencyColours } from "./colours";
import type { Media } from "./data";
import { axesOf, halfWidth, type View } from "./sphere";

const CORNERS = `#version 300 es
out vec2 place;
void main() {
  place = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(place, 0.0, 1.0);
}`;

const PIXELS = `#version 300 es
precision highp float;
precision highp int;
const float PI = 3.14159265358979;
in vec2 place;
out vec4 colour;
uniform vec3 right, up, forward;
uniform vec2 half_size;    // of the picture plane at distance 1
uniform sampler2D video;   // panorama above, tiles of maps below
uniform vec2 panorama;     // its size in pixels
uniform sampler2D maps;    // the texture that holds the map
uniform ivec2 origin, size; // the map's place in it; size 0: no map
uniform float gain, opacity;
uniform sampler2D colours;

// A row beyond a pole is that on its other side.
float texel(ivec2 at) {
  if (at.y < 0) at = ivec2(at.x + size.x / 2, -1 - at.y);
  if (at.y >= size.y) at = ivec2(at.x + size.x / 2, 2 * size.y - 1 - at.y);
  at.x = ((at.x % size.x) + size.x) % size.x;
  return dot(texelFetch(maps, origin + at, 0).rgb, vec3(0.299, 0.587, 0.114)); // neighbours share colour, not brightness
}

float saliency(vec2 share) {
  vec2 at = share * vec2(size) - 0.5;
  ivec2 low = ivec2(floor(at));
  vec2 part = at - vec2(low);
  float above = mix(texel(low), texel(low + ivec2(1, 0)), part.x);
  float below = mix(texel(low + ivec2(0, 1)), texel(low + ivec2(1, 1)), part.x);
  return mix(above, below, part.y);
}

void main() {
  vec3 direction = normalize(forward + place.x * half_size.x * right + place.y * half_size.y * up);
  vec2 share = vec2(atan(direction.x, direction.z) / (2.0 * PI) + 0.5, 0.5 - asin(clamp(direction.y, -1.0, 1.0)) / PI);
  vec2 whole = vec2(textureSize(video, 0));
  float row = clamp(share.y * panorama.y, 0.5, panorama.y - 0.5); // not into the tiles
  vec3 picture = textureLod(video, vec2(share.x, row / whole.y), 0.0).rgb;
  if (size.x > 0) {
    float value = min(saliency(share) * gain, 1.0);
    vec3 laid = texture(colours, vec2(value * 255.0 / 256.0 + 0.5 / 256.0, 0.5)).rgb;
    picture = mix(picture, laid, opacity * value);
  }
  colour = vec4(picture, 1.0);
}`;

const [VIDEO, MAP, COLOURS] = [0, 1, 2]; // units of textures; MAP is that of a map that is a picture of its own

/** A map to lay over: a tile of the video, or a picture of its own; `gain` scales its values. */
export type Laid = { slot: number } | { picture: ImageBitmap; gain: number } | null;

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();
  private shown: ImageBitmap | null = null; // in the unit MAP

  /** Throws an Error that says what to do where the browser has no WebGL 2. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly media: Media,
  ) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser has no WebGL 2, which draws the sphere. Try another one, or allow hardware acceleration.");
    this.gl = gl;
    this.start();
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    for (const unit of [VIDEO, MAP, COLOURS]) {
      this.texture(unit, unit === MAP ? gl.NEAREST : gl.LINEAR);
      this.fill(unit, unit === COLOURS ? new ImageData(saliencyColours(), 256, 1) : new ImageData(2, 2));
    }
  }

  private start(): void {
    const { gl } = this;
    const program = gl.createProgram()!;
    for (const [kind, source] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, PIXELS]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`The sphere cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    gl.useProgram(program);
    const names = "right up forward half_size video panorama maps origin size gain opacity colours";
    for (const name of names.split(" ")) this.uniforms.set(name, gl.getUniformLocation(program, name));
    gl.uniform1i(this.at("video"), VIDEO);
    gl.uniform1i(this.at("colours"), COLOURS);
    gl.uniform2f(this.at("panorama"), ...this.media.panorama);
  }

  private at(name: string): WebGLUniformLocation | null {
    return this.uniforms.get(name)!;
  }

  /** Makes the texture of a unit, which stays bound to it. */
  private texture(unit: number, filter: number): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT); // the seam
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  private fill(unit: number, source: TexImageSource): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, source);
  }

  /** Takes the picture that the video shows now. */
  take(video: HTMLVideoElement): void {
    this.fill(VIDEO, video);
  }

  /** Draws what one sees. `opacity` is that of the highest saliency, 0 to 1. */
  draw(view: View, laid: Laid, opacity: number): void {
    const { gl, canvas, media } = this;
    const { right, up, forward } = axesOf(view.yaw, view.pitch);
    const half = halfWidth(view.fov);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform3f(this.at("right"), ...right);
    gl.uniform3f(this.at("up"), ...up);
    gl.uniform3f(this.at("forward"), ...forward);
    gl.uniform2f(this.at("half_size"), half, (half * canvas.height) / canvas.width);
    gl.uniform1f(this.at("opacity"), opacity);
    gl.uniform1f(this.at("gain"), 1);
    gl.uniform1i(this.at("maps"), laid && "picture" in laid ? MAP : VIDEO);
    if (!laid) {
      gl.uniform2i(this.at("size"), 0, 0);
    } else if ("slot" in laid) {
      const [width, height] = media.tile;
      const [row, column] = [Math.floor(laid.slot / media.columns), laid.slot % media.columns];
      gl.uniform2i(this.at("origin"), column * width, media.panorama[1] + row * height);
      gl.uniform2i(this.at("size"), width, height);
    } else {
      if (this.shown !== laid.picture) this.fill(MAP, laid.picture);
      this.shown = laid.picture;
      gl.uniform2i(this.at("origin"), 0, 0);
      gl.uniform2i(this.at("size"), laid.picture.width, laid.picture.height);
      gl.uniform1f(this.at("gain"), laid.gain);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}
