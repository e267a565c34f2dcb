// Where the stacked video comes from. Pages from disk may not draw a video file, so they get it as a script; servers
// without range requests cannot jump in a video, so it is fetched whole.

import { make } from "./dom";
import type { Media } from "./data";

/** Loads a classic script; rejects if it is missing. */
export function loadScript(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = make("script", { src: address, load: () => resolve(), error: () => reject(new Error(`${address} is missing`)) });
    document.head.append(script);
  });
}

/** Returns an address for `<video src>` that can be jumped in and drawn. Errors say what to do. */
export async function videoAddress(media: Media): Promise<string> {
  if (location.protocol === "file:") {
    const advice = "Show the folder with: tsalv360 explore";
    if (!media.from_disk) throw new Error(`This page was made without the video for pages opened from disk. ${advice}`);
    await loadScript(`${media.file}.js`).catch(() => {
      throw new Error(`${media.file}.js is not beside this page. Copy the whole folder, or: ${advice}`);
    });
    const content = window.TSALV360_MEDIA!;
    delete window.TSALV360_MEDIA;
    return URL.createObjectURL(new Blob([fromBase64(content)], { type: "video/mp4" }));
  }
  const missing = new Error(`${media.file} is not beside this page. Copy the whole folder.`);
  const probe = await fetch(media.file, { headers: { Range: "bytes=0-0" } }).catch(() => {
    throw missing;
  });
  if (probe.status === 206) {
    void probe.body?.cancel();
    return media.file;
  }
  if (!probe.ok) throw missing;
  return URL.createObjectURL(new Blob([await probe.arrayBuffer()], { type: "video/mp4" }));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = characters.charCodeAt(k);
  return bytes;
}

/** Returns a PNG as a picture whose values are not changed for the screen. */
export function decodePng(text: string): Promise<ImageBitmap> {
  const blob = new Blob([fromBase64(text)], { type: "image/png" });
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}
