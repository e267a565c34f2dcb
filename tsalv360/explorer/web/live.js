window.TSALV360_LIVE = null;
