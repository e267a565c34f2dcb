"""The publications of the data sets that videos and gaze come from: what a published dataset cites."""

import re
from dataclasses import dataclass

from tsalv360.publish.facts import Facts
from tsalv360.sources import tsv360

_CONFERENCE = "conference-paper"


@dataclass(frozen=True)
class Work:
    """A publication, in the words of CITATION.cff, and what it says of the observers."""

    authors: tuple[str, ...]  # Family, Given
    title: str
    year: int
    venue: str
    kind: str = _CONFERENCE
    doi: str = ""
    page: str = ""
    observers: str = ""

    @property
    def text(self) -> str:
        """The reference as a line of text."""
        names = [author.split(", ")[0] for author in self.authors]
        by = f"{', '.join(names[:-1])} & {names[-1]}" if len(names) < 5 else f"{names[0]} et al."
        where = f" https://doi.org/{self.doi}" if self.doi else f" {self.page}" if self.page else ""
        return f"{by} ({self.year}). {self.title}. {self.venue}.{where}"


TSALV360 = Work(
    ("Kontostathis, Ioannis", "Apostolidis, Evlampios", "Mezaris, Vasileios"),
    "TSalV360: A Method and Dataset for Text-driven Saliency Detection in 360-Degrees Videos",
    2025,
    "IEEE International Conference on Content-Based Multimedia Indexing (CBMI)",
    page=tsv360.PAGES["TSV360"],
)
# By the data set's name in small letters and digits.
_WORKS = {
    "tsv360": TSALV360,
    "vreyetracking": Work(
        (
            "Xu, Yanyu",
            "Dong, Yanbing",
            "Wu, Junru",
            "Sun, Zhengzhong",
            "Shi, Zhiru",
            "Yu, Jingyi",
            "Gao, Shenghua",
        ),
        "Gaze Prediction in Dynamic 360° Immersive Videos",
        2018,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        page=tsv360.PAGES[tsv360.VR_EYETRACKING].split()[0],
        observers="at least 31 people watched each video",
    ),
    "sports360": Work(
        ("Zhang, Ziheng", "Xu, Yanyu", "Yu, Jingyi", "Gao, Shenghua"),
        "Saliency Detection in 360° Videos",
        2018,
        "European Conference on Computer Vision (ECCV)",
        page=tsv360.PAGES[tsv360.SPORTS360],
    ),
    "salient360": Work(
        (
            "David, Erwan J.",
            "Gutiérrez, Jesús",
            "Coutrot, Antoine",
            "Perreira Da Silva, Matthieu",
            "Le Callet, Patrick",
        ),
        "A Dataset of Head and Eye Movements for 360° Videos",
        2018,
        "ACM Multimedia Systems Conference (MMSys)",
        page="https://hal.archives-ouvertes.fr/hal-01994923",
    ),
    "avtrack360": Work(
        ("Fremerey, Stephan", "Singla, Ashutosh", "Meseberg, Kay", "Raake, Alexander"),
        "AVTrack360: An open Dataset and Software recording people's Head Rotations watching 360° Videos on an HMD",
        2018,
        "ACM Multimedia Systems Conference (MMSys)",
        page="https://github.com/Telecommunication-Telemedia-Assessment/AVTrack360",
        observers="48 people, 25 of them women",
    ),
    "dsav360": Work(
        (
            "Bernal-Berdun, Edurne",
            "Martin, Daniel",
            "Malpica, Sandra",
            "Perez, Pedro J.",
            "Gutierrez, Diego",
            "Masia, Belen",
            "Serrano, Ana",
        ),
        "D-SAV360: A Dataset of Gaze Scanpaths on 360° Ambisonic Videos",
        2023,
        "IEEE Transactions on Visualization and Computer Graphics",
        kind="article",
        page="https://github.com/edurnebernal/D-SAV360",
        observers="87 people",
    ),
    "360em": Work(
        ("Agtzidis, Ioannis", "Startsev, Mikhail", "Dorr, Michael"),
        "360-degree Video Gaze Behaviour: A Ground-Truth Data Set and a Classification Algorithm for Eye Movements",
        2019,
        "ACM International Conference on Multimedia",
        doi="10.1145/3343031.3350947",
        observers="13 people",
    ),
    "360vidstr": Work(
        ("Dharmasiri, Amaya", "Kattadige, Chamara", "Zhang, Vincent", "Thilakarathna, Kanchana"),
        "Viewport-Aware Dynamic 360° Video Segment Categorization",
        2021,
        "arXiv:2105.01701",
        kind="article",
        page="https://github.com/360VidStr/A-large-dataset-of-360-video-user-behaviour",
        observers="six earlier data sets together; 45 viewings of a video on average",
    ),
}


def work_of(source: str) -> Work | None:
    """Return the publication of a data set by its name, None for an unknown one."""
    name = re.sub(r"[^a-z0-9]", "", source.lower())
    return _WORKS.get(name) or _WORKS.get(name.removesuffix("dataset"))


def cited(facts: Facts) -> list[Work]:
    """Return the publications to cite with a dataset: of its sources, and of the form that it has."""
    works = [work_of(use.source) for use in facts.sources]
    return list(dict.fromkeys(work for work in [*works, TSALV360] if work))
