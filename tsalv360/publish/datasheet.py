"""What the card and Croissant's fields for responsible AI say of a dataset, in plain sentences.

The headings follow Gebru et al. 2021, "Datasheets for datasets". A sentence states what the tables of the folder show
or what the source says; of what neither tells, it says that it is not stated.
"""

from tsalv360.contracts.layout import FIXATION_POINTS, MAPS
from tsalv360.publish.facts import (
    EARLY_S,
    EQUATOR_DEG,
    EQUATOR_OF_SPHERE,
    FRONT_DEG,
    FRONT_OF_SPHERE,
    Facts,
    SourceUse,
)
from tsalv360.publish.works import work_of

NOT_STATED = "not stated"

MOTIVATION = (
    "People look at different things in a 360° video, and a sentence can say at which. The dataset is made to train "
    "and compare models that predict, from a video and a caption, where people look who watch what the caption says."
)
NOT_FOR = (
    "Conclusions about single observers, their health, identity or preferences.",
    "Conclusions about people in general: the observers are no sample of a population.",
    "Captioning as such: a caption names what several people watched, and not all that is visible.",
)


def uses(facts: Facts) -> list[str]:
    """Return what the dataset is good for."""
    found = ["Training and evaluation of text-driven saliency models for 360° video, in the folds of splits.json."]
    if facts.rows["fixations"]:
        found.append("Studies of what several observers watch together in 360° video, from their gaze.")
    if facts.rows[FIXATION_POINTS]:
        found.append("Comparison of saliency metrics: the fixation points of a map lie beside it.")
    return found


def collection(facts: Facts) -> list[str]:
    """Return who recorded the gaze of whom."""
    return [*(_of_source(use) for use in facts.sources), *_observers(facts)]


def _of_source(use: SourceUse) -> str:
    n = f"{len(use.videos)} video{'s' if len(use.videos) != 1 else ''}"
    if use.is_drawn:
        return f"{use.source}: {n}, drawn by the pipeline, with simulated observers. Nobody was recorded."
    work = work_of(use.source)
    recorded = "eyes" if use.gaze == "eye" else "heads; eyes were not recorded"
    by = f"the authors of the data set, see {work.text}" if work else NOT_STATED
    observers = work.observers if work and work.observers else NOT_STATED
    end = "" if by.endswith(".") else "."
    return f"{use.source}: {n}. Recorded: {recorded}. Observers: {observers}. Recorded by: {by}{end}"


def _observers(facts: Facts) -> list[str]:
    gaze, found = facts.gaze, []
    if gaze.observers:
        found.append(f"Observers per video: {gaze.observers_text}.")
    if gaze.without_observers:
        found.append(
            f"Of {len(gaze.without_observers)} videos the source does not store who looked where; "
            "numbered stand-ins take the place of observers."
        )
    if without := len(facts.videos) - len(gaze.observers) - len(gaze.without_observers):
        found.append(f"Of {without} videos the folder holds no gaze.")
    if not all(use.is_drawn for use in facts.sources):
        found.append(f"Ages, countries and consent of the observers, and when they were recorded: {NOT_STATED} here.")
    return found


def processing(facts: Facts) -> list[str]:
    """Return how events, maps and captions came about, by machine or by people."""
    origins = facts.origins
    found = []
    if published := origins.get("published", 0):
        found.append(f"{published} events with their maps and captions were imported as their source publishes them.")
    if published < len(facts.events):
        found.append(
            "By machine: events are found in the gaze of all observers of a video, and maps are made of the gaze "
            "around them. The settings, events and saliency, are listed below; the program's documentation explains "
            "them."
        )
    if machine := origins.get("machine", 0):
        found.append(f"{machine} captions were written by machine ({_models(facts)}), from viewports of the event.")
    if curated := origins.get("accepted", 0) + origins.get("edited", 0):
        found.append(
            f"{curated} captions were written by machine ({_models(facts)}) and then judged by curators: "
            f"{origins.get('accepted', 0)} accepted, {origins.get('edited', 0)} edited."
        )
    return found


def _models(facts: Facts) -> str:
    return f"model: {', '.join(facts.captioners) or NOT_STATED}"


def judgement(facts: Facts) -> list[str]:
    """Return who judged the events and captions, with what agreement."""
    reviewed = int((facts.events.n_curators > 0).sum())
    if not reviewed:
        return ["Nobody judged the events and captions for this folder."]
    twice = int((facts.events.n_curators > 1).sum())
    n = len(facts.events)
    found = [f"{reviewed} of {n} events were judged by curators, {twice} of them by more than one."]
    if facts.curation:
        found.append(
            f"Curators: {facts.curation.n_curators}. They rejected {len(facts.curation.rejected)} events and merged "
            f"{len(facts.curation.merged)}, which are not in the folder."
        )
    return [*found, f"Agreement between curators, and who they are: {NOT_STATED}."]


def biases(facts: Facts) -> list[str]:
    """Return known biases, those of gaze as measured in the fixations."""
    gaze = facts.gaze
    found = []
    if gaze.near_equator is not None:
        found.append(
            f"Equator: {gaze.near_equator:.0%} of the gaze is within {EQUATOR_DEG:.0f}° of the equator, which is "
            f"{EQUATOR_OF_SPHERE:.0%} of the sphere."
        )
    early, later = gaze.at_front_early, gaze.at_front_later
    if early is not None:
        then = "" if later is None else f", and {later:.0%} later"
        found.append(
            f"Front: in the first {EARLY_S:.0f} s of a video {early:.0%} of the gaze is within {FRONT_DEG:.0f}° of the "
            f"panorama's centre{then}; that is {FRONT_OF_SPHERE:.0%} of the sphere. Recordings often start there."
        )
    if not found:
        found.append("Equator and front: not measured, as the folder holds no gaze.")
    if not all(use.is_drawn for use in facts.sources):
        found.append(f"Observers: their countries and ages are {NOT_STATED}; maps show what these people looked at.")
    found.append("Events are what several observers watched at once: what single observers saw is not among them.")
    if facts.captioners:
        found.append("Captions of a model have its errors and preferences, also where curators accepted them.")
    return found


def limitations(facts: Facts) -> list[str]:
    """Return what the dataset cannot tell."""
    found = []
    if any(use.is_drawn for use in facts.sources):
        found.append("Drawn videos with simulated observers show that programs work, and nothing about people.")
    if any(use.gaze == "head" for use in facts.sources):
        found.append("Where only heads were recorded, maps show where heads point; eyes reach up to 30° beyond.")
    if facts.gaze.without_observers:
        found.append("Where a source does not store who looked, the number of observers of an event is an estimate.")
    if facts.origins.get("machine"):
        found.append("Captions that nobody curated are drafts.")
    if missing := len(facts.without_pictures):
        found.append(f"Frames of {missing} of {len(facts.videos)} videos are not in the folder.")
    if without := len(facts.videos) - len(facts.rows[MAPS]):
        found.append(f"{without} videos have no event, and so no map.")
    return found or ["None beyond the biases are known."]


def personal(facts: Facts) -> list[str]:
    """Return what the dataset holds about persons."""
    found = []
    if any(use.is_drawn for use in facts.sources):
        found.append("The gaze of drawn videos is simulated.")
    if not all(use.is_drawn for use in facts.sources):
        found.append(
            "Observers are named by the ids that their source gives. Traces of gaze can be characteristic of a person."
        )
        shown = "Frames can show" if facts.rows["frames"] else "The videos, which are not in the folder, can show"
        found.append(f"{shown} people and places; captions can describe them. Their consent: {NOT_STATED}.")
    return found


def maintenance(facts: Facts) -> list[str]:
    """Return the version, whom to ask, and where the dataset is found."""
    return [
        f"Version: {facts.version}",
        f"Authors: {'; '.join(facts.authors) or NOT_STATED}",
        f"Year of publication: {facts.year or NOT_STATED}",
        f"Contact for questions and corrections: {facts.contact or NOT_STATED}",
        f"Found at: {facts.page or NOT_STATED}",
        f"Plans for further versions: {NOT_STATED}",
    ]
