import { applyTheme } from "./theme";
import { showTable } from "./table";
import { showVideo } from "./video_page";

applyTheme();
if (document.body.classList.contains("video")) showVideo();
else if (document.body.classList.contains("index")) showTable();
