export function showVideo(): void {}
