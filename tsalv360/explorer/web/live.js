window.TSALV360_LIVE = null; // `tsalv360 explore --checkpoint` answers with its model instead
