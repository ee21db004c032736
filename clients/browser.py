"""A real browser for the tests: Debian's chromium, driven by Playwright, and what every page must be."""

import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / ".venv" / "clients" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "target" / "pictures"
SIZES = {"desktop": (1280, 860), "tablet": (820, 1180), "phone": (390, 844)}
PAGE_BYTES_MAX = 100_000


def chromium():
    """Where the system's chromium is."""
    found = shutil.which("chromium")
    assert found, "chromium is not there: run scripts/setup.sh"
    return found


class Browser:
    """One chromium for many windows."""

    def __init__(self):
        self.playwright = sync_playwright().start()
        # Chromium's own sandbox needs rights that a container has not; the pages are ours.
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
        self.chromium = self.playwright.chromium.launch(executable_path=chromium(), args=arguments)

    def window(self, address, **options):
        """A window without cookies, at the console of this server."""
        return Window(self.chromium, address, **options)

    def close(self):
        """Ends it."""
        self.chromium.close()
        self.playwright.stop()


class Window:
    """A window, and everything that a page must not do in it."""

    def __init__(self, chromium, address, script=True, width=1280, height=860):
        self.address = address.rstrip("/")
        self.has_script = script
        self.context = chromium.new_context(
            java_script_enabled=script,
            viewport={"width": width, "height": height},
            locale="en-GB",
            timezone_id="UTC",
            accept_downloads=True,
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.wrong = []
        self.page.on("request", self._requested)
        self.page.on("console", self._complained)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script failed: {error}"))

    def _requested(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"asked another server: {request.url}")

    def _complained(self, message):
        # What a status of 4xx is called by chromium; such answers are looked at by the tests.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrong.append(f"complained: {message.text}")

    def go(self, path):
        """Opens a page of the console; returns the answer."""
        return self.page.goto(f"{self.address}{path}")

    def press(self, name, **options):
        """Presses the button or link of this name."""
        for role in ("button", "link"):
            found = self.page.get_by_role(role, name=name, **options)
            if found.count():
                return found.first.click()
        raise AssertionError(f"nothing to press is called {name}: {self.text()}")

    def fill(self, label, text):
        """Fills in the field of this label."""
        self.page.get_by_label(label, exact=True).first.fill(text)

    def option(self, path, text):
        """Fills in an option of a manifest, whatever kind of field it has."""
        field = self.page.locator(f'[name="o.{path}"]')
        for box in reversed(range(field.locator("xpath=ancestor::details").count())):
            details = field.locator("xpath=ancestor::details").nth(box)
            if details.get_attribute("open") is None:
                details.locator("summary").first.click()
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)

    def text(self):
        """What a person reads."""
        return self.page.locator("body").inner_text()

    def sign_in(self, account):
        """Signs a customer in."""
        self.go("/console/")
        self.fill("Access key id", account.access_key_id)
        self.fill("Secret access key", account.secret_access_key)
        self.press("Sign in", exact=True)
        self.page.wait_for_url("**/console/jobs")

    def sign_in_at_dock(self, person, station, key):
        """Signs an operator in."""
        self.go("/console/dock/")
        self.fill("Your name", person)
        self.fill("Station", station)
        self.fill("Station key", key)
        self.press("Sign in", exact=True)
        self.page.wait_for_url("**/console/dock/")

    def look(self, name, sizes=SIZES):
        """Pictures of the page at every size; nothing of it may stick out, and axe must find nothing."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        before = self.page.viewport_size
        for size, (width, height) in sizes.items():
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.screenshot(path=PICTURES / f"{name}-{size}.png")
            out = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert self.page.evaluate(out) <= 0, f"{name} is too wide on a {size}"
        self.page.set_viewport_size(before)
        for scheme in ("dark", "light"):
            self.page.emulate_media(color_scheme=scheme)
            self._accessible(f"{name}, {scheme}")

    def picture(self, name, scheme="light"):
        """A picture alone."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.emulate_media(color_scheme=scheme)
        self.page.screenshot(path=PICTURES / f"{name}.png")
        self.page.emulate_media(color_scheme="light")

    def _accessible(self, name):
        if not self.page.evaluate("'axe' in window"):
            # Through the debugger, not the page: the page's policy lets no foreign script in.
            self.page.evaluate(AXE.read_text())
        result = self.page.evaluate("axe.run({ resultTypes: ['violations'] })")
        found = [
            (violation["id"], violation["help"], [node["html"][:160] for node in violation["nodes"][:3]])
            for violation in result["violations"]
        ]
        assert found == [], f"{name}: {json.dumps(found, indent=1)}"

    def weight(self, path):
        """Bytes of a page with everything it loads."""
        sizes = []
        self.page.on("response", lambda answer: sizes.append(len(answer.body())))
        self.go(path)
        self.page.wait_for_load_state("networkidle")
        return sum(sizes)

    def close(self):
        """Closes it; whatever a page did wrong fails the test."""
        self.context.close()
        assert self.wrong == [], self.wrong

