export function showTable(): void {}
